class a(Integer $x, String $y, Boolean $z) { }
class { "a": x => "q", y => 1, w => 3 }
