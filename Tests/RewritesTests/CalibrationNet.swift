import Graphs
import Kernels
import Operators
import Rewrites
import Tensors

/// Builds a network twice: with biases, and without them under the same names. Weights are the same
/// seeded numbers both times.
struct CalibrationNet {
  var builder = GraphBuilder()
  let hasBiases: Bool
  let elementType: ElementType
  private var generator = SplitMix64(seed: 7)

  private init(hasBiases: Bool, _ elementType: ElementType) {
    (self.hasBiases, self.elementType) = (hasBiases, elementType)
  }

  /// The original and its stripped conversion.
  static func pair(
    _ input: [Int], _ elementType: ElementType = .float64,
    _ body: (inout CalibrationNet, Value) throws -> Value
  ) throws -> (reference: Graph, converted: Graph) {
    func graph(hasBiases: Bool) throws -> Graph {
      var net = CalibrationNet(hasBiases: hasBiases, elementType)
      let dimensions = [.symbolic("batch")] + input.map(Dimension.fixed)
      let x = net.builder.input("x", declared: DeclaredType(elementType, dimensions))
      let output = try body(&net, x)
      net.builder.setOutputs([output])
      return net.builder.graph.withoutDeadNodes()
    }
    return (try graph(hasBiases: true), try graph(hasBiases: false))
  }

  mutating func constant(
    _ name: String, _ shape: Shape, in range: ClosedRange<Double> = -1...1,
    storedAs stored: ElementType? = nil
  ) -> Value {
    let elements = (0..<shape.elementCount).map { _ in
      Double.random(in: range, using: &generator)
    }
    let tensor = Tensor(elements, shape: shape).converted(to: stored ?? elementType)
    return builder.constant(tensor, name: name, elementType: elementType)
  }

  mutating func node(_ operation: any Operator, _ inputs: [Value?], _ name: String) -> Value {
    builder.appendUntyped(operation, inputs, name: name, outputNames: [name])[0]
  }

  mutating func convolution(
    _ name: String, _ x: Value, from inputs: Int, to outputs: Int, kernel: [Int] = [3, 3],
    _ attributes: [String: AttributeValue] = [:], groups: Int = 1, hasBias: Bool = true
  ) throws -> Value {
    var attributes = Attributes(
      attributes.merging(["group": .int(groups)]) { $1 }, inputCount: 3)
    let weights = constant("\(name).weight", Shape([outputs, inputs / groups] + kernel))
    let bias = constant("\(name).bias", [outputs])
    return node(
      try Conv(&attributes), hasBiases && hasBias ? [x, weights, bias] : [x, weights], name)
  }

  mutating func gemm(_ name: String, _ x: Value, from inputs: Int, to outputs: Int) -> Value {
    let weights = constant("\(name).weight", [outputs, inputs])
    let bias = constant("\(name).bias", [outputs])
    return node(
      Gemm(transposingB: true), hasBiases ? [x, weights, bias] : [x, weights], name)
  }

  mutating func relu(_ x: Value, _ name: String) -> Value { node(Relu(), [x], name) }
}

/// Pictures of seeded numbers between 0 and 1, handed in batches of three.
struct RandomPictures {
  let pictures: [Tensor]
  /// How often they were gone through.
  final class Counter { var passes = 0 }
  let counter = Counter()

  init(
    _ count: Int, _ shape: [Int], _ elementType: ElementType = .float64, seed: UInt64 = 1,
    _ element: ((inout SplitMix64) -> [Double])? = nil
  ) {
    var generator = SplitMix64(seed: seed)
    pictures = (0..<count).map { _ in
      let elements =
        element?(&generator)
        ?? (0..<shape.reduce(1, *)).map { _ in Double.random(in: 0...1, using: &generator) }
      return Tensor(elements, shape: Shape([1] + shape)).converted(to: elementType)
    }
  }

  var source: PictureSource {
    { body in
      counter.passes += 1
      for start in stride(from: 0, to: pictures.count, by: 3) {
        try body(Tensor(stacking: Array(pictures[start..<min(start + 3, pictures.count)])))
      }
    }
  }

  /// The elements of the pictures that networks are fitted to: four of five.
  var fitted: [[Double]] {
    pictures.enumerated().filter { $0.offset % 5 != 4 }.map { $0.element.doubles }
  }
}

extension Tensor {
  var doubles: [Double] { converted(to: .float64).elements(as: Double.self) }
}

extension Graph {
  /// The output for one batch.
  func output(_ x: Tensor) throws -> [Double] {
    let workspace = Workspace()
    let graph = try specialized(to: [x.shape], in: workspace)
    return try Interpreter(graph, in: workspace).run([x])[0].doubles
  }

  /// The content of a constant.
  func numbers(_ name: String) -> [Double] {
    value(named: name).flatMap(storedConstant)?.doubles ?? []
  }

  /// The bytes of every constant, by name.
  var constants: [String: [Double]] {
    Dictionary(
      uniqueKeysWithValues: values.compactMap { value in
        storedConstant(of: value).map { (name(of: value), $0.doubles) }
      })
  }
}

/// The Euclidean distance of two vectors divided by the length of the second.
func relativeDistance(_ a: [Double], _ b: [Double]) -> Double {
  guard a.count == b.count else { return .infinity }
  let difference = zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
  return (difference / b.reduce(0) { $0 + $1 * $1 }).squareRoot()
}

/// The solution of a small system of equations by elimination with pivoting.
func eliminated(_ matrix: [[Double]], _ right: [Double]) -> [Double] {
  var rows = zip(matrix, right).map { $0 + [$1] }
  let count = rows.count
  for column in 0..<count {
    let pivot = (column..<count).max { abs(rows[$0][column]) < abs(rows[$1][column]) } ?? column
    rows.swapAt(column, pivot)
    for row in 0..<count where row != column {
      let factor = rows[row][column] / rows[column][column]
      for place in column...count { rows[row][place] -= factor * rows[column][place] }
    }
  }
  return rows.indices.map { rows[$0][count] / rows[$0][$0] }
}
