include alpha
Alpha::Thing { size => 3 }
alpha::thing { 't1': }
beta::use { 'b': things => ['x','y'] }
