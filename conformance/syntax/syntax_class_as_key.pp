$x[class { a: }]
