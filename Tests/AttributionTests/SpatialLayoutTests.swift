import Attribution
import Graphs
import Kernels
import Operators
import Tensors
import Testing

/// Where the places of layers are.
struct SpatialLayoutTests {
  /// Sums over all of a sample's elements, each times another weight.
  private static func sums(_ builder: inout GraphBuilder, _ x: Value, count: Int) -> Value {
    let rows = ToyFunction.node(&builder, Flatten(), [x], "rows")
    let weights = builder.constant(
      Tensor((0..<count).map { Double($0 + 1) }, shape: [count, 1]))
    return ToyFunction.node(&builder, MatMul(), [rows, weights], "scores")
  }

  /// A convolution with one weight per channel, of so many spatial dimensions.
  private static func convolution(
    _ builder: inout GraphBuilder, _ x: Value, channels: Int, dimensions: Int
  ) throws -> Value {
    let weights = builder.constant(
      Tensor(repeating: 1.0, shape: Shape([1, channels] + Array(repeating: 1, count: dimensions))))
    let convolution = try ToyFunction.operation("Conv", inputs: 2)
    let y = ToyFunction.node(&builder, convolution, [x, weights], "convolved")
    return ToyFunction.node(&builder, Flatten(), [y], "scores")
  }

  /// Channels are those that a convolution reads; else the numbers of tokens, and the first of feature maps.
  @Test func channelsOfLayers() throws {
    func axis(
      _ shape: Shape, isLayer: Bool = true,
      _ body: ((inout GraphBuilder, Value) throws -> Value)? = nil
    ) throws -> Int? {
      let function = try ToyFunction.make(shape, isLayer: isLayer) { builder, x in
        try body?(&builder, x) ?? Self.sums(&builder, x, count: shape.elementCount)
      }
      let layout = try function.sampleLayout()
      #expect(layout.shape == shape)
      return layout.channelAxis
    }
    #expect(try axis([12, 6]) == 1)
    #expect(try axis([12, 6], isLayer: false) == nil)
    #expect(try axis([5]) == nil)
    #expect(try axis([64, 7, 3]) == 0)
    #expect(try axis([64, 7, 3], isLayer: false) == 2)
    #expect(try axis([8, 1, 1]) == 0)
    #expect(
      try axis([6, 10]) { try Self.convolution(&$0, $1, channels: 6, dimensions: 1) } == 0)
    let turned = Transpose(permutation: [0, 2, 1])
    #expect(
      try axis([10, 6]) {
        let x = ToyFunction.node(&$0, turned, [$1], "turned")
        return try Self.convolution(&$0, x, channels: 6, dimensions: 1)
      } == 1)
    let turnedPicture = Transpose(permutation: [0, 3, 1, 2])
    #expect(
      try axis([5, 4, 6]) {
        let x = ToyFunction.node(&$0, turnedPicture, [$1], "turned")
        return try Self.convolution(&$0, x, channels: 6, dimensions: 2)
      } == 2)
  }

  /// Where nothing reads the channels of a layer, they are those that a convolution wrote.
  @Test func channelsThatWereWritten() throws {
    var builder = GraphBuilder()
    let x = builder.input("x", TensorType(.float64, [1, 6, 10]))
    let weights = builder.constant(Tensor(repeating: 1.0, shape: [4, 6, 3]))
    let convolved = ToyFunction.node(
      &builder, try ToyFunction.operation("Conv", inputs: 2), [x, weights], "convolved")
    let gate = ToyFunction.node(&builder, Sigmoid(), [convolved], "gate")
    let gated = ToyFunction.node(&builder, Mul(), [gate, convolved], "gated")
    let mask = builder.constant(Tensor(repeating: 1.0, shape: [1, 1, 8]))
    let masked = ToyFunction.node(&builder, Mul(), [mask, gated], "masked")
    let turned = ToyFunction.node(
      &builder, Transpose(permutation: [0, 2, 1]), [masked], "turned")
    builder.setOutputs([turned])
    let graph = try builder.graph.specialized(to: [[1, 6, 10]], in: Workspace())
    for (name, axis) in [
      ("x", nil), ("convolved", 1), ("gate", 1), ("masked", 1), ("turned", 2),
    ] {
      let value = try #require(graph.value(named: name))
      #expect(graph.writtenChannelAxis(of: value) == axis, "\(name)")
    }
    let function = try ToyFunction.make([4, 8], isLayer: true, writtenChannels: 1) {
      Self.sums(&$0, $1, count: 32)
    }
    #expect(try function.sampleLayout().channelAxis == 0)
    let map = try Method("occlusion:patch=1:stride=1").map(
      of: function, at: Tensor(repeating: 1.0, shape: [1, 4, 8]))
    #expect(map.passes.forward == 9)
  }

  /// Layers of [tokens, samples, numbers] have no dimension of batches in front.
  @Test func samplesBehindTokens() throws {
    var builder = GraphBuilder()
    let declared = DeclaredType(.float64, [.symbolic("tokens"), .fixed(1), .fixed(2)])
    let x = builder.input("x", declared: declared)
    let weights = builder.constant(Tensor((0..<6).map(Double.init), shape: [3, 1, 2]))
    let products = ToyFunction.node(&builder, Mul(), [x, weights], "products")
    let shape = builder.constant(Tensor([1, 6] as [Int64]))
    let rows = ToyFunction.node(
      &builder, try ToyFunction.operation("Reshape", inputs: 2), [products, shape], "rows")
    let ones = builder.constant(Tensor(repeating: 1.0, shape: [6, 1]))
    builder.setOutputs([ToyFunction.node(&builder, MatMul(), [rows, ones], "scores")])
    let function = try ModelFunction(
      builder.graph, explaining: 0, shape: [3, 1, 2], explainsLayer: true, batching: .whole,
      in: Workspace())
    let layout = try function.sampleLayout()
    #expect(layout.shape == [3, 2] && layout.channelAxis == 1)
  }

  /// Occlusion hides all numbers of a token of a layer, and single ones of an input of two dimensions.
  @Test(arguments: [true, false]) func occlusionOfTokens(isLayer: Bool) throws {
    let function = try ToyFunction.make([3, 2], isLayer: isLayer) {
      Self.sums(&$0, $1, count: 6)
    }
    let point = Tensor([1.0, 1, 1, 1, 1, 1], shape: [1, 3, 2])
    let map = try Method("occlusion:patch=1:stride=1").map(of: function, at: point)
    #expect(map.values.doubles == (isLayer ? [3, 3, 7, 7, 11, 11] : [1, 2, 3, 4, 5, 6]))
  }
}
