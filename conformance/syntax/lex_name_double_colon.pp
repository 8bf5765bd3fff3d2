$x = foo:: bar
