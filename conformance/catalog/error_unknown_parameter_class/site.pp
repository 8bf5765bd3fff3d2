class a($x = 1) { }
class { "a": y => 2, z => 3 }
