Notify["gone"] { message => 1 }
