class a { $x + 1 }
class b { 1 }
class c { if true { 1 } }
class d { if true { foo() } else { 1 } }
class e { case 1 { 1: { 2 } } }
class f { case 1 { 1: { notice(2) } } }
class g { unless 1 { } }
class h { (1) }
class i { "x${1}" }
class j { $x =~ /y/ }
class k { !$x }
