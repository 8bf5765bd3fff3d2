file { a: } { b => c }
