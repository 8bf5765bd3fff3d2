class a (integer $x) {}
