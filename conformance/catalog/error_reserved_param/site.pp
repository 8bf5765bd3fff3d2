class a($title = 1) { }
include a
