class a (Array[Integer,] $x) {}
