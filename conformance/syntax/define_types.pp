define a { }
define b::c($x = $title, String $y) { file { $name: } }
define d() { notice $x }
