type Foo[ruby, 'X'] = Y
