import Tensors
import Testing

@Suite struct ShapeTests {
  @Test func elementsAreCounted() {
    #expect(Shape([2, 3, 4]).elementCount == 24)
    #expect(Shape([]).elementCount == 1)
    #expect(Shape([2, 0, 4]).elementCount == 0)
  }

  @Test func unsoundExtentsAreRefused() {
    #expect(Shape(checking: [2, -1]) == nil)
    #expect(Shape(checking: [1 << 40, 1 << 40]) == nil)
    #expect(Shape(checking: [0, 1 << 40, 1 << 40]) == nil)
    #expect(Shape(checking: [0, 1 << 40])?.strides == [1 << 40, 1])
  }

  @Test func stridesAreRowMajor() {
    #expect(Shape([2, 3, 4]).strides == [12, 4, 1])
    #expect(Shape([]).strides == [])
  }

  @Test func broadcastingStretchesExtentsOfOne() {
    #expect(Shape.broadcast([2, 1, 4], [3, 1]) == [2, 3, 4])
    #expect(Shape.broadcast([], [3]) == [3])
    #expect(Shape.broadcast([], []) == [])
    #expect(Shape.broadcast([0, 1], [1, 5]) == [0, 5])
    #expect(Shape.broadcast([2], [3]) == nil)
    #expect(Shape.broadcast([1 << 40, 1], [1, 1 << 40]) == nil)
  }

  @Test func descriptionsJoinExtents() {
    #expect(Shape([1, 3, 224, 224]).description == "1x3x224x224")
    #expect(Shape([]).description == "scalar")
  }
}
