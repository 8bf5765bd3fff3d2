type Runtime[ruby, [/a/, 'b']] = Y
