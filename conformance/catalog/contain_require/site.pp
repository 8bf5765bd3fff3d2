class a { notify { 'a': } }
class b { notify { 'b': } contain a }
class c { notify { 'c': } require b }
class d { require a, b  notify { 'd': } }
contain c
include d
