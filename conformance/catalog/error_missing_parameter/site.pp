class a($x, $y) { }
include a
