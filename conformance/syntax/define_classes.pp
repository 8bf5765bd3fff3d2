class a { }
class b($x, Integer $y = 1, Optional[String] $z = undef,) { }
class c inherits b { notice 1 }
class d::e inherits ::c { }
class f() inherits default { }
class g(
  $x
) {
}
class h
($x) { }
