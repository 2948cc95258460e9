import Graphs
import ONNXFormat
import Rewrites
import Tensors

/// The names and the initializers of a model that is put together; those of a loop's body are the
/// model's, since a body sees what is around it.
final class MessageAssembly {
  private(set) var initializers: [InitializerMessage] = []
  private var tensors: [String: Tensor] = [:]
  private var vectors: [[Int]: String] = [:]
  private var used: Set<String> = []

  /// A name that nothing else has.
  func name(_ base: String) -> String {
    var candidate = base.isEmpty ? "value" : base
    var suffix = 1
    while !used.insert(candidate).inserted {
      suffix += 1
      candidate = "\(base)_\(suffix)"
    }
    return candidate
  }

  /// The name of an initializer with this content: one that is there already, or a new one.
  func initializer(_ tensor: Tensor, _ base: String) -> String {
    if let known = tensors[base], known.isSame(as: tensor) { return base }
    let name = name(base)
    initializers.append(InitializerMessage(name: name, tensor: tensor))
    tensors[name] = tensor
    return name
  }

  /// The name of a vector of int64.
  func integers(_ numbers: [Int]) -> String {
    if let known = vectors[numbers] { return known }
    let text = numbers.map(String.init).joined(separator: "x")
    let name = initializer(Tensor(numbers.map(Int64.init)), "ascribe/\(text)")
    vectors[numbers] = name
    return name
  }
}

/// The nodes of a model's graph, or of a loop's body.
struct ScopeAssembly {
  let model: MessageAssembly
  private(set) var nodes: [NodeMessage] = []
  /// A vector of one number, the number of samples; nil where it is fixed.
  var samples: String?
  private var extents: [[BatchExtent]: String] = [:]

  init(_ model: MessageAssembly) { self.model = model }

  /// Appends a node of one output and gives that back.
  ///
  /// - Parameter output: the name that the output must have, reserved before.
  mutating func append(
    _ operatorName: String, _ inputs: [String], _ attributes: [String: AttributeValue] = [:],
    _ base: String, output: String? = nil
  ) -> String {
    let output = output ?? model.name("ascribe/\(base)")
    nodes.append(
      NodeMessage(
        name: "ascribe/\(base)", operatorName: operatorName, inputs: inputs, outputs: [output],
        attributes: attributes.mapValues(AttributeMessage.value)))
    return output
  }

  mutating func append(_ node: NodeMessage) { nodes.append(node) }

  /// A vector of the first extent of a value.
  mutating func firstExtent(of value: String) -> String {
    let shape = append("Shape", [value], [:], "shape")
    return append("Gather", [shape, model.integers([0])], ["axis": .int(0)], "samples")
  }

  /// A vector of extents for the number of samples that there are.
  mutating func vector(_ wanted: [BatchExtent]) -> String {
    if wanted.allSatisfy(\.isFixed) { return model.integers(wanted.map(\.offset)) }
    if let known = extents[wanted] { return known }
    let slopes = model.integers(wanted.map(\.slope))
    var vector = append("Mul", [samples ?? slopes, slopes], [:], "extents")
    if wanted.contains(where: { $0.offset != 0 }) {
      vector = append("Add", [vector, model.integers(wanted.map(\.offset))], [:], "extents")
    }
    extents[wanted] = vector
    return vector
  }
}
