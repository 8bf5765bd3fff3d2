$x[type]
