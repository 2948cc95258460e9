import Foundation
import Graphs
import Kernels
import Operators
import Rewrites
import Tensors
import Testing

/// Where a graph stops to be affine in its input.
@Suite struct AffinePrefixTests {
  private var builder = GraphBuilder()
  private let x: Value

  init() { x = builder.input("x", TensorType(.float64, [2, 3])) }

  private func split(_ body: (inout GraphBuilder, Value) throws -> Value) throws -> AffineSplit? {
    var builder = builder
    builder.setOutputs([try body(&builder, x)])
    return try builder.graph.splittingAffinePrefix(of: x)
  }

  @Test func sumsProductsWithConstantsAndShapesAreAffine() throws {
    let split = try #require(
      try split { builder, x in
        let two = builder.constant(Tensor(scalar: 2.0))
        let matrix = builder.constant(Tensor([1.0, -1, 0.5], shape: [3, 1]))
        let shifted = try builder.append(Sub(), x, two)
        let scaled = try builder.append(Div(), shifted, two)
        let product = try builder.append(MatMul(), scaled, matrix)
        return try builder.append(Relu(), try builder.append(Add(), product, two))
      })
    #expect(split.prefix.nodes.map(\.operatorName) == ["Sub", "Div", "MatMul", "Add"])
    #expect(split.rest.nodes.map(\.operatorName) == ["Relu"])
    #expect(split.places == [1])
  }

  @Test func nonlinearitiesAndJumpsEndIt() throws {
    #expect(try split { try $0.append(Relu(), $1) } == nil)
    #expect(try split { try $0.append(Mul(), $1, $1) } == nil)
    #expect(
      try split { builder, x in
        try builder.append(Div(), builder.constant(Tensor(scalar: 1.0)), x)
      } == nil)
    var attributes = Attributes(["fmod": .int(1)], inputCount: 2)
    let remainder = try Mod(&attributes)
    #expect(
      try split { builder, x in
        try builder.append(remainder, x, builder.constant(Tensor(scalar: 0.3)))
      } == nil)
    #expect(
      try split { builder, x in
        let zero = builder.constant(Tensor(scalar: 0.0))
        let isPositive = try builder.append(Greater(), x, zero)
        return try builder.append(Where(), isPositive, try builder.append(Neg(), x), zero)
      }?.prefix.nodes.map(\.operatorName) == ["Neg"])
  }

  /// The input is read by the prefix and behind it.
  @Test func severalValuesMayLieBetween() throws {
    let split = try #require(
      try split { builder, x in
        let negative = try builder.append(Neg(), x)
        let sum = try builder.append(Add(), try builder.append(Relu(), x), negative)
        return try builder.append(Exp(), sum)
      })
    #expect(split.prefix.outputs.count == 2)
    #expect(split.rest.nodes.map(\.operatorName) == ["Relu", "Add", "Exp"])
    let input = Tensor([0.5, -1, 2, 0, 3, -0.25], shape: [2, 3])
    let workspace = Workspace()
    let between = try Interpreter(split.prefix, in: workspace).run([input])
    let result = try Interpreter(split.rest, in: workspace).run([input] + between)[0]
    let expected = [0.5, -1, 2, 0, 3, -0.25].map { x in x < 0 ? x * -1 : 0 }
    for (value, exponent) in zip(result.elements(as: Double.self), expected) {
      #expect(abs(value - exp(exponent)) < 1e-14)
    }
  }
}
