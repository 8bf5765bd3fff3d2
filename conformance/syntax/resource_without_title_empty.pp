class a { foo { } }
