$a = [Notify['x'], Notify['y']]
notify { ['x','y','z']: }
$a -> Notify['z']
Notify['x'] -> [] -> Notify['y']
$b = Notify['x'] -> Notify['y']
class k { notify { 'in k': } } 
class { 'k': } -> Notify['x']
