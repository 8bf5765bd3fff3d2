file { a: b => file { c: } }
