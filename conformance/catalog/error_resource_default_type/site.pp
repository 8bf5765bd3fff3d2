class k { Integer { a => 1 } }
include k
