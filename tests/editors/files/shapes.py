# zebrawood: a word that must not turn up in any log.


class Circle:
    def __init__(self, radius):
        self.radius = radius

    def area(self):
        return 3.14159 * self.radius * self.radius

    def perimeter(self):
        return 2 * 3.14159 * self.radius


squares = []
squares = [1, 2, 3]


class Square:
    def __init__(self, side):
        self.side = side
