import Graphs
import Kernels
import Operators
import Rewrites
import Tensors
import Testing

/// The passes around convolutions keep the function: random inputs go through both graphs.
@Suite struct ConvolutionPassTests {
  private struct Net {
    var builder = GraphBuilder()
    var seed = 0.0

    mutating func numbers(_ shape: Shape, from low: Double = -1) -> Value {
      seed += 1
      let elements = (0..<shape.elementCount).map { index in
        // Values without a pattern, the same in every run.
        let wave = (Double(index) * 12.9898 + seed * 78.233).remainder(dividingBy: 1)
        return low + (0.5 + wave) * (1 - low)
      }
      return builder.constant(Tensor(elements, shape: shape))
    }

    mutating func input() -> Value { builder.input("x", TensorType(.float64, [2, 3, 6, 6])) }

    mutating func convolution(
      _ x: Value, from inputs: Int, to outputs: Int, hasBias: Bool = true
    ) throws -> Value {
      var attributes = Attributes(["pads": .ints([1, 1, 1, 1])], inputCount: 3)
      let bias = hasBias ? numbers([outputs]) : nil
      return try builder.append(
        try Conv(&attributes), x, numbers([outputs, inputs, 3, 3]), bias, name: "conv")
    }

    mutating func normalization(_ x: Value, _ channels: Int) throws -> Value {
      var attributes = Attributes(["epsilon": .float(0.01)], inputCount: 5)
      return try builder.append(
        try BatchNormalization(&attributes), x, numbers([channels]), numbers([channels]),
        numbers([channels]), numbers([channels], from: 0.1), name: "normalization")
    }

    mutating func graph(_ outputs: Value...) -> Graph {
      builder.setOutputs(outputs)
      return builder.graph
    }
  }

  private func expectEqual(_ a: Graph, _ b: Graph) throws {
    try b.validate()
    let elements = (0..<216).map { Double(($0 * 37) % 101) / 50 - 1 }
    let input = [Tensor(elements, shape: [2, 3, 6, 6])]
    let workspace = Workspace()
    let expected = try Interpreter(a, in: workspace).run(input)
    let actual = try Interpreter(b, in: workspace).run(input)
    #expect(actual.count == expected.count)
    for (actual, expected) in zip(actual, expected) {
      let pairs = zip(actual.elements(as: Double.self), expected.elements(as: Double.self))
      #expect(pairs.allSatisfy { abs($0 - $1) < 1e-12 * max(1, abs($1)) })
    }
  }

  @Test(arguments: [true, false])
  func batchNormalizationFoldsIntoTheConvolution(hasBias: Bool) throws {
    var net = Net()
    let convolved = try net.convolution(net.input(), from: 3, to: 4, hasBias: hasBias)
    let graph = net.graph(try net.normalization(convolved, 4))
    let folded = try graph.foldingBatchNormalization().withoutDeadNodes()
    #expect(folded.nodes.map(\.operatorName) == ["Conv"])
    #expect(folded.name(of: folded.outputs[0]) == graph.name(of: graph.outputs[0]))
    try expectEqual(graph, folded)
  }

  @Test func aConvolutionWithOtherReadersIsLeftAlone() throws {
    var net = Net()
    let convolved = try net.convolution(net.input(), from: 3, to: 4)
    let graph = net.graph(try net.normalization(convolved, 4), convolved)
    #expect(try graph.foldingBatchNormalization().nodes.count == 2)
  }

  @Test func aNormalizationBeforeTheConvolutionIsLeftAlone() throws {
    var net = Net()
    let normalized = try net.normalization(net.input(), 3)
    let graph = net.graph(try net.convolution(normalized, from: 3, to: 4))
    #expect(try graph.foldingBatchNormalization().nodes.count == 2)
  }

  @Test func reluJoinsTheConvolution() throws {
    var net = Net()
    let convolved = try net.convolution(net.input(), from: 3, to: 4)
    let graph = net.graph(try net.builder.append(Relu(), convolved))
    let fused = try graph.fused()
    #expect(fused.nodes.map(\.operatorName) == ["FusedConvolution"])
    try expectEqual(graph, fused)
  }

  @Test(arguments: [true, false], [true, false])
  func aResidualSumJoinsTheConvolution(isLeft: Bool, hasBias: Bool) throws {
    var net = Net()
    let x = net.input()
    let convolved = try net.convolution(x, from: 3, to: 3, hasBias: hasBias)
    let operands = isLeft ? [convolved, x] : [x, convolved]
    let sum = try net.builder.append(Add(), operands[0], operands[1])
    let graph = net.graph(try net.builder.append(Relu(), sum))
    let fused = try graph.fused()
    #expect(fused.nodes.map(\.operatorName) == ["FusedConvolution"])
    try expectEqual(graph, fused)
  }

  @Test func twoBranchesJoinTheLaterConvolution() throws {
    var net = Net()
    let x = net.input()
    let first = try net.convolution(x, from: 3, to: 4)
    let second = try net.convolution(x, from: 3, to: 4)
    let sum = try net.builder.append(Add(), first, second)
    let graph = net.graph(try net.builder.append(Relu(), sum))
    let fused = try graph.fused()
    #expect(fused.nodes.map(\.operatorName) == ["Conv", "FusedConvolution"])
    try expectEqual(graph, fused)
  }

  @Test func valuesThatOthersNeedAreNotJoined() throws {
    var net = Net()
    let x = net.input()
    let convolved = try net.convolution(x, from: 3, to: 3)
    let rectified = try net.builder.append(Relu(), convolved)
    let graph = net.graph(rectified, convolved)
    #expect(try graph.fused().nodes.count == 2)

    var doubled = Net()
    let y = try doubled.convolution(doubled.input(), from: 3, to: 3)
    let twice = doubled.graph(try doubled.builder.append(Add(), y, y))
    try expectEqual(twice, try twice.fused())
  }

  @Test func aStretchedAddendIsNotJoined() throws {
    var net = Net()
    let convolved = try net.convolution(net.input(), from: 3, to: 4)
    let graph = net.graph(
      try net.builder.append(Add(), convolved, net.numbers([4, 1, 1])))
    let fused = try graph.fused()
    #expect(fused.nodes.map(\.operatorName) == ["Conv", "Add"])
    try expectEqual(graph, fused)
  }

  /// With the original's inner value as the new input, the cut graph computes what the original does.
  @Test func aCutGraphGoesOnFromItsNewInput() throws {
    var net = Net()
    let x = net.input()
    let convolved = try net.convolution(x, from: 3, to: 3)
    let graph = net.graph(try net.builder.append(Add(), convolved, x))
    let declared = DeclaredType(.float64, [2, 3, 6, 6].map(Dimension.fixed))
    let cut = try graph.cut(at: convolved, declared: declared)
    #expect(cut.nodes.map(\.operatorName) == ["Add"])
    let input = Tensor(repeating: 0.5, shape: [2, 3, 6, 6])
    let workspace = Workspace()
    let inner = try Interpreter(graph.selecting([convolved]), in: workspace).run([input])[0]
    let expected = try Interpreter(graph, in: workspace).run([input])[0]
    let actual = try Interpreter(cut, in: workspace).run([input, inner])[0]
    #expect(actual.elements(as: Double.self) == expected.elements(as: Double.self))
  }
}
