import Attribution
import Graphs
import Kernels
import Operators
import Tensors
import Testing

/// Whether what is said of rows by operators alone is so.
@Suite struct RowOrderTests {
  /// Every example of every operator: where its rows are said to be treated alike, they come out the same in
  /// other places and beside other rows.
  @Test func rowsThatAreTreatedAlikeMayChangePlaces() throws {
    var alike: Set<String> = []
    for type in Registry.operators {
      for example in type.examples {
        for shares in [false, true] {
          guard let x = example.inputs.first ?? nil, x.elementType == .float64,
            let rows = x.shape.first, rows > 1,
            let graph = try graph(of: type, example, with: x, everywhere: shares),
            graph.treatsRowsAlike(rows, from: graph.inputs[0])
          else { continue }
          alike.insert(type.specification.name)
          let interpreter = Interpreter(graph, in: Workspace())
          let there = try interpreter.run([x])[0]
          let back = try interpreter.run([x.rotated])[0]
          let name = "\(type.specification.name): \(example.description)"
          #expect(isSame(there.rotated, back), "\(name)")
          let others = Tensor(stacking: [x.rows(0..<1)] + (1..<rows).map { _ in x.rows(0..<1) })
          let beside = try interpreter.run([others])[0]
          for row in 0..<rows {
            #expect(isSame(beside.rows(row..<(row + 1)), there.rows(0..<1)), "\(name)")
          }
        }
      }
    }
    let expected: Set = [
      "Add", "BatchNormalization", "Concat", "Conv", "Flatten", "Gemm", "GlobalAveragePool",
      "MatMul", "MaxPool", "Mul", "ReduceSum", "Relu", "Reshape", "Sub",
    ]
    #expect(alike.isSuperset(of: expected), "\(alike.sorted())")
  }

  private func isSame(_ a: Tensor, _ b: Tensor) -> Bool {
    zip(a.doubles, b.doubles).allSatisfy { $0 == $1 || $0.isNaN && $1.isNaN }
  }

  /// One node of an operator, its first input open, and all others of that shape too if the same tensor
  /// stands everywhere.
  private func graph(
    of type: any Operator.Type, _ example: Example, with x: Tensor, everywhere: Bool
  ) throws -> Graph? {
    let opset = min(example.opset, type.specification.opsets.upperBound)
    var attributes = Attributes(
      example.attributes, opset: opset, inputCount: example.inputs.count,
      outputCount: example.outputs.count, precision: .float64)
    let operation = try type.init(&attributes)
    var builder = GraphBuilder()
    builder.setOpset(opset)
    let input = builder.input("x", TensorType(of: x))
    let operands = example.inputs.enumerated().map { index, tensor -> Value? in
      guard let tensor else { return nil }
      let isOpen = index == 0 || everywhere && TensorType(of: tensor) == TensorType(of: x)
      return isOpen ? input : builder.constant(tensor)
    }
    let outputs = try builder.append(operation, operands)
    builder.setOutputs(Array(outputs.prefix(1)))
    return builder.graph
  }

  @Test func aConvolutionalNetworkIsKnownToTreatRowsAlike() throws {
    var network = RuleNetwork([2, 4, 4])
    let weights = network.constant((0..<54).map { Double($0) - 27 }, [3, 2, 3, 3])
    let convolution = try network.node("Conv", [:], network.x, weights)
    let pool = try network.node(
      "MaxPool", ["kernel_shape": .ints([2, 2])], network.node(Relu(), convolution))
    let sum = network.node(Add(), pool, network.constant([1, 2, 3], [3, 1, 1]))
    let flat = network.node(Flatten(), sum)
    #expect(try treatsRowsAlike(network, flat))
    let product = network.node(
      Gemm(), flat, network.constant([1, 2, 3], [3, 1]), network.constant([4], [1]))
    #expect(try treatsRowsAlike(network, product))
  }

  /// Where rows meet, or stand for themselves, nothing is said.
  @Test func nodesThatTellRowsApartAreNotKnownToTreatThemAlike() throws {
    func expect(_ name: String, _ scores: (inout RuleNetwork) throws -> Value) throws {
      var network = RuleNetwork([3])
      let value = try scores(&network)
      #expect(try !treatsRowsAlike(network, value), "\(name)")
    }
    try expect("numbers of their own") { network in
      network.node(Add(), network.x, network.constant([1, 2], [2, 1]))
    }
    try expect("an addend of Gemm of their own") { network in
      let weights = network.constant([1, 2, 3], [3, 1])
      return network.node(Gemm(), network.x, weights, network.constant([1, 2], [2, 1]))
    }
    try expect("a mean over rows") { network in
      let mean = network.node(ReduceMean(axes: [0], keepDimensions: true), network.x)
      return network.node(Sub(), network.x, mean)
    }
    try expect("weights made of rows") { network in
      let picture = try network.node(
        "Reshape", [:], network.x, network.integers([0, 1, 1, 3]))
      let weights = try network.node(
        "Reshape", [:], network.x, network.integers([0, 1, 1, 3]))
      return try network.node("Conv", [:], picture, weights)
    }
    try expect("rows that are elements of a vector") { network in
      let sum = network.node(ReduceSum(axes: [1], keepDimensions: false), network.x)
      return network.node(MatMul(), sum, network.constant([1, 2, 3, -4], [2, 2]))
    }
    try expect("rows that become one") { network in
      let one = try network.node("Reshape", [:], network.x, network.integers([1, -1]))
      return try network.node("Reshape", [:], one, network.integers([2, 3]))
    }
    try expect("a score that has no rows of the input") { network in
      network.node(Neg(), network.constant([1, 2], [2, 1]))
    }
  }

  private func treatsRowsAlike(_ network: RuleNetwork, _ scores: Value) throws -> Bool {
    var builder = network.builder
    builder.setOutputs([scores])
    let shape = try #require(network.builder.graph.declaredType(of: network.x)?.dimensions)
    let extents = shape.dropFirst().map { if case .fixed(let extent) = $0 { extent } else { 1 } }
    let graph = try builder.graph.specialized(to: [Shape([2] + extents)], in: Workspace())
    return graph.treatsRowsAlike(2, from: graph.inputs[0])
  }
}

extension Tensor {
  /// The first row behind the others.
  fileprivate var rotated: Tensor {
    Tensor(stacking: [rows(1..<shape[0]), rows(0..<1)])
  }
}
