import Attribution
import Graphs
import Kernels
import Operators
import Tensors
import Testing

/// Networks whose Integrated Gradients are known in closed form.
@Suite struct IntegratedGradientsTests {
  /// A graph of one input [batch, count] whose columns `body` combines to one score.
  private func function(
    _ count: Int, _ body: (inout GraphBuilder, [Value]) throws -> Value
  ) throws -> ModelFunction {
    var builder = GraphBuilder()
    let declared = DeclaredType(.float64, [.symbolic("batch"), .fixed(count)])
    let input = builder.input("x", declared: declared)
    let slice = try slice
    let columns = (0..<count).map { index in
      untyped(
        &builder, slice,
        [
          input, builder.constant(Tensor([Int64(index)])),
          builder.constant(Tensor([Int64(index + 1)])), builder.constant(Tensor([Int64(1)])),
        ])
    }
    builder.setOutputs([try body(&builder, columns)])
    return try ModelFunction(
      builder.graph, explaining: 0, shape: [1, count], in: Workspace())
  }

  private var slice: any Operator {
    get throws {
      var attributes = Attributes(inputCount: 4)
      let type = try #require(Registry.operation(named: "Slice", domain: "", opset: 17))
      return try type.init(&attributes)
    }
  }

  private func untyped(
    _ builder: inout GraphBuilder, _ operation: any Operator, _ inputs: [Value]
  ) -> Value {
    builder.appendUntyped(
      operation, inputs.map(Optional.some), name: "node", outputNames: ["value"])[0]
  }

  private func integrate(
    _ function: ModelFunction, at point: [Double], _ rule: Quadrature, steps: Int
  ) throws -> AttributionMap {
    let tensor = Tensor(point, shape: [1, point.count])
    return try IntegratedGradients(.steps(steps, rule)).maps(
      of: Problem(function, at: tensor, baseline: tensor.zeros(), target: 0))[0].map
  }

  /// f = xy + z at (1, 1, 1) from 0: the gradient of xy is linear in a, so two Gauss points suffice.
  @Test func aProductIsSharedEqually() throws {
    let function = try function(3) { builder, x in
      let product = untyped(&builder, Mul(), [x[0], x[1]])
      return untyped(&builder, Add(), [product, x[2]])
    }
    let map = try integrate(function, at: [1, 1, 1], .gaussLegendre, steps: 2)
    for (value, expected) in zip(map.values.elements(as: Double.self), [0.5, 0.5, 1]) {
      #expect(abs(value - expected) < 1e-14)
    }
    #expect(abs(map.completenessError) < 1e-14)
  }

  /// Sundararajan et al., 2017, figure 7: two networks that compute the same function, attributed
  /// (1.5, -0.5) at (3, 1). In the direction a the kink lies at a = 1/2 for f, where the second ReLU
  /// opens, so any midpoint rule with an even number of steps is exact.
  @Test(arguments: [2, 4, 64])
  func equalFunctionsAreAttributedEqually(steps: Int) throws {
    let one = Tensor(scalar: 1.0)
    let f = try function(2) { builder, x in
      let first = untyped(&builder, Relu(), [x[0]])
      let shifted = untyped(&builder, Sub(), [first, builder.constant(one)])
      let second = untyped(&builder, Relu(), [x[1]])
      return untyped(&builder, Relu(), [untyped(&builder, Sub(), [shifted, second])])
    }
    let g = try function(2) { builder, x in
      let shifted = untyped(&builder, Sub(), [x[0], builder.constant(one)])
      let first = untyped(&builder, Relu(), [shifted])
      let second = untyped(&builder, Relu(), [x[1]])
      return untyped(&builder, Relu(), [untyped(&builder, Sub(), [first, second])])
    }
    for function in [f, g] {
      let map = try integrate(function, at: [3, 1], .midpoint, steps: steps)
      for (value, expected) in zip(map.values.elements(as: Double.self), [1.5, -0.5]) {
        #expect(abs(value - expected) < 1e-12)
      }
      #expect(map.score == 1 && map.baselineScore == 0)
    }
  }

  @Test(arguments: QuadratureTests.rules)
  func aLinearModelIsExactWithOneStep(rule: Quadrature) throws {
    let weights = [2.0, -3, 0.5]
    let function = try function(3) { builder, x in
      let terms = zip(x, weights).map { column, weight in
        untyped(&builder, Mul(), [column, builder.constant(Tensor(scalar: weight))])
      }
      let partial = untyped(&builder, Add(), [terms[0], terms[1]])
      return untyped(&builder, Add(), [partial, terms[2]])
    }
    let point = [0.7, -1.1, 4]
    let map = try integrate(function, at: point, rule, steps: 1)
    for (value, (weight, x)) in zip(map.values.elements(as: Double.self), zip(weights, point)) {
      #expect(abs(value - weight * x) < 1e-14)
    }
    #expect(map.passes.backward == 1 && map.passes.forward == 3)
  }

  /// 50 steps in batches of at most 16 are four batches of 13; the two rows left over count for nothing.
  @Test func stepsAreSpreadEvenlyOverBatches() throws {
    let function = try function(1) { builder, x in untyped(&builder, Relu(), [x[0]]) }
    #expect(function.batchSize == 16)
    let map = try integrate(function, at: [2], .midpoint, steps: 50)
    #expect(map.passes.backward == 50 && map.passes.forward == 52)
    #expect(abs(map.sum - 2) < 1e-12)
  }

  @Test func homogeneityIsProvedOrRefused() throws {
    let square = try function(2) { builder, x in untyped(&builder, Mul(), [x[0], x[1]]) }
    #expect(try square.requiredDegree() == 2)
    let shifted = try function(1) { builder, x in
      untyped(&builder, Add(), [x[0], builder.constant(Tensor(scalar: 1.0))])
    }
    #expect(throws: ModelError.self) { try shifted.requiredDegree() }
  }
}
