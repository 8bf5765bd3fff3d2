$x.unless
