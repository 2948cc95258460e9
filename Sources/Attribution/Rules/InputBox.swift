import Graphs
import Kernels
import Operators
import Tensors

/// The least and the greatest values that the input of a model may have, and what they are where the
/// first layers read it.
struct InputBox: Sendable {
  /// The graph and, beside it, what it makes of the bounds.
  let graph: Graph
  /// Whether some layer with weights reads a value whose bounds are known.
  let reachesLayer: Bool
  private let bounds: [Value: (low: Value, high: Value)]

  /// - Parameters:
  ///   - source: a specialised graph, whose values keep their handles.
  ///   - low: the least number of the input, or that of each channel.
  ///   - high: the greatest.
  /// - Throws: `ModelError` if there are not as many numbers as channels.
  init(_ source: Graph, of input: Value, low: [Double], high: [Double]) throws(ModelError) {
    guard let type = source.type(of: input) else {
      throw ModelError("'\(source.name(of: input))' has no type", kind: .fault)
    }
    var builder = GraphBuilder(source)
    func constant(_ numbers: [Double]) throws(ModelError) -> Value {
      builder.constant(
        try Self.tensor(numbers, type.shape).converted(to: type.elementType), name: "bound")
    }
    var bounds = [input: (low: try constant(low), high: try constant(high))]
    var reachesLayer = false
    for node in source.nodes {
      let varying = node.inputs.indices.filter { place in
        node.inputs[place].map { bounds[$0] != nil } ?? false
      }
      guard !varying.isEmpty else { continue }
      if WeightedLayer(node, varying: varying, in: source) != nil { reachesLayer = true }
      guard node.movesElements || Self.scaling.contains(node.operatorName),
        node.inputs.indices.allSatisfy({ place in
          varying.contains(place)
            || (node.inputs[place].map { source.storedConstant(of: $0) != nil } ?? true)
        }), node.movesElements || varying.count == 1
      else { continue }
      do throws(OperatorError) {
        let low = try builder.append(
          node.operation, node.inputs.map { $0.flatMap { bounds[$0]?.low } ?? $0 }, name: node.name)
        let high = try builder.append(
          node.operation, node.inputs.map { $0.flatMap { bounds[$0]?.high } ?? $0 },
          name: node.name)
        for (index, output) in node.outputs.enumerated() {
          // A negative factor, or the sign of a difference, turns them around.
          bounds[output] = (
            low: try builder.append(Min(), low[index], high[index]),
            high: try builder.append(Max(), low[index], high[index])
          )
        }
      } catch {
        throw ModelError(error.description, node: node.label(opset: source.opset))
      }
    }
    self.graph = builder.graph
    self.bounds = bounds
    self.reachesLayer = reachesLayer
  }

  /// The bounds of a value, where they are known.
  func bounds(of value: Value) -> (low: Value, high: Value)? { bounds[value] }

  private static let scaling: Set = ["Add", "Sub", "Mul", "Div", "Neg"]

  /// One number everywhere, or one for each channel.
  private static func tensor(_ numbers: [Double], _ shape: Shape) throws(ModelError) -> Tensor {
    if numbers.count == 1 { return Tensor(repeating: numbers[0], shape: shape) }
    let axes = [1, shape.rank - 1].filter { $0 > 0 && $0 < shape.rank }
    guard let axis = axes.first(where: { shape[$0] == numbers.count }) else {
      throw ModelError(
        "\(numbers.count) bounds are given for an input \(shape); give one, or one for each channel",
        kind: .usage)
    }
    let stride = shape.strides[axis]
    let elements = (0..<shape.elementCount).map { numbers[$0 / stride % numbers.count] }
    return Tensor(elements, shape: shape)
  }
}
