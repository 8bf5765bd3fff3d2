type Runtime[ruby, 'X'] = Y
type Runtime[ruby, [/a/, 'b']] = [/c/, 'd']
