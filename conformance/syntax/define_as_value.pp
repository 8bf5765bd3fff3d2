$a = class b {}
$c = node d {}
$e = [define f {}]
class g {} -> class h {}
