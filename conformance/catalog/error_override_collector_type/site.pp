String["x"] { a => 1 }
