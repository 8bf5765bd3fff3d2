$x[foo { a: }]
