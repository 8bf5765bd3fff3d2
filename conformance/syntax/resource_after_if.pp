if true { foo() } { a => b }
