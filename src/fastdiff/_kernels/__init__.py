"""C kernels and their thin shims: pointers, counts and weights; no axes and no policy."""
