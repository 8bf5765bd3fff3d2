class a { include c }
class b inherits a { }
class c inherits b { }
include b
