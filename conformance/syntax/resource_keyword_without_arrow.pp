file { a: if 1 }
