class Foo {}
class foo-bar {}
class ::foo {}
class a { class ::b {} }
define _x {}
function ::f() {}
