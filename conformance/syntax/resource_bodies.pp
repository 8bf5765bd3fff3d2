file { a: b => c; d: e => f }
file { a: b => c, ; d: e => f, ; }
file { a: ; b: ; }
