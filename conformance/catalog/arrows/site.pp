notify { 'a': } -> notify { 'b': } ~> notify { 'c': }
Notify['c'] <- Notify['d']
notify { 'd': before => Notify['e'] } <~ notify { 'e2': }
notify { 'e': }
[Notify['a'], Notify['b']] -> [Notify['d'], Notify['e']]
class k { notify { 'k': } } include k
Class['k'] -> Notify['a']
Notify['a'] -> Class[k]
'Notify[e2]' -> Notify['e']
