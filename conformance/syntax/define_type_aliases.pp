type A = Integer
type B = Array[Integer, 1,]
type C::D = Variant[A, B]
type E = { attributes => { a => Integer } }
type F = G { b => 1 }
type H = Object { c => 1 }
type I = TypeSet { d => 1 }
