import ONNXFormat
import Tensors

/// A model of a few nodes, written field by field, sound or not.
/// Field numbers: <https://github.com/onnx/onnx/blob/main/onnx/onnx.proto>.
struct TinyModel {
  /// An input or output; an extent of -9 is the symbol `batch`.
  struct Port {
    var name: String
    var dimensions: [Int64]
    /// TensorProto.DataType; 1 is float.
    var type = 1
  }

  /// The value of an attribute.
  enum Attribute {
    case int(Int64)
    case float(Float)
    case text(String)
    case ints([Int64])
  }

  /// A node of the graph.
  struct Node {
    var type: String
    var inputs: [String]
    var outputs: [String]
    var name: String?
    var domain = ""
    var attributes: [(name: String, value: Attribute)] = []
  }

  /// A constant of floats, in the file or outside of it.
  struct Initializer {
    var name: String
    var dimensions: [Int64]
    var values: [Float] = []
    var integers: [Int64] = []
    var type = 1
    /// The keys of external data.
    var external: [(key: String, value: String)] = []
  }

  static let batch: Int64 = -9

  var irVersion = 8
  var opsets: [(domain: String, version: Int)] = [("", 13)]
  var nodes: [Node] = []
  var initializers: [Initializer] = []
  var inputs: [Port] = []
  var outputs: [Port] = []

  /// y = relu(x), elementwise.
  static func elementwise(
    _ operatorName: String = "Relu", dimensions: [Int64] = [batch, 3], opset: Int = 13
  ) -> TinyModel {
    TinyModel(
      opsets: [("", opset)],
      nodes: [Node(type: operatorName, inputs: ["x"], outputs: ["y"], name: "only")],
      inputs: [Port(name: "x", dimensions: dimensions)],
      outputs: [Port(name: "y", dimensions: dimensions)])
  }

  /// y = W x + b with W of 2 rows and 3 columns, then `tail`.
  static func linear(
    weights: [Float] = [1, -2, 3, 0.5, 4, -1], biases: [Float] = [0, 0], tail: String? = nil
  ) -> TinyModel {
    var model = TinyModel(
      nodes: [
        Node(
          type: "Gemm", inputs: ["x", "w", "b"], outputs: [tail == nil ? "y" : "scores"],
          name: "fc", attributes: [("transB", .int(1))])
      ],
      initializers: [
        Initializer(name: "w", dimensions: [2, 3], values: weights),
        Initializer(name: "b", dimensions: [2], values: biases),
      ],
      inputs: [Port(name: "x", dimensions: [batch, 3])],
      outputs: [Port(name: "y", dimensions: [batch, 2])])
    if let tail {
      model.nodes.append(Node(type: tail, inputs: ["scores"], outputs: ["y"], name: "tail"))
    }
    return model
  }

  /// The same for exactly two samples, which a node without a bias reshapes to two rows.
  static func pairs() -> TinyModel {
    TinyModel(
      nodes: [
        Node(type: "Reshape", inputs: ["x", "rows"], outputs: ["z"], name: "rows"),
        Node(
          type: "Gemm", inputs: ["z", "w"], outputs: ["y"], name: "fc",
          attributes: [("transB", .int(1))]),
      ],
      initializers: [
        Initializer(name: "rows", dimensions: [2], integers: [2, 3], type: 7),
        Initializer(name: "w", dimensions: [2, 3], values: [1, -2, 3, 0.5, 4, -1]),
      ],
      inputs: [Port(name: "x", dimensions: [2, 3])],
      outputs: [Port(name: "y", dimensions: [2, 2])])
  }

  /// y = x + w, with w of 2x3 elements that `initializer` describes.
  static func addition(_ initializer: Initializer) -> TinyModel {
    TinyModel(
      nodes: [Node(type: "Add", inputs: ["x", "w"], outputs: ["y"], name: "sum")],
      initializers: [initializer], inputs: [Port(name: "x", dimensions: [2, 3])],
      outputs: [Port(name: "y", dimensions: [2, 3])])
  }

  /// The file.
  var bytes: [UInt8] {
    var file = WireWriter()
    file.write(1, irVersion)
    file.write(2, "tests")
    file.write(7) { graph in
      for node in nodes { graph.write(1) { write(node, to: &$0) } }
      graph.write(2, "tiny")
      for item in initializers { graph.write(5) { write(item, to: &$0) } }
      for port in inputs { graph.write(11) { write(port, to: &$0) } }
      for port in outputs { graph.write(12) { write(port, to: &$0) } }
    }
    for opset in opsets {
      file.write(8) {
        $0.write(1, opset.domain)
        $0.write(2, opset.version)
      }
    }
    return file.bytes
  }

  private func write(_ node: Node, to message: inout WireWriter) {
    for input in node.inputs { message.write(1, input) }
    for output in node.outputs { message.write(2, output) }
    if let name = node.name { message.write(3, name) }
    message.write(4, node.type)
    for attribute in node.attributes {
      message.write(5) { field in
        field.write(1, attribute.name)
        switch attribute.value {
        case .float(let value):
          field.write(2, value)
          field.write(20, 1)
        case .int(let value):
          field.write(3, value)
          field.write(20, 2)
        case .text(let value):
          field.write(4, value)
          field.write(20, 3)
        case .ints(let values):
          for value in values { field.write(8, value) }
          field.write(20, 7)
        }
      }
    }
    if !node.domain.isEmpty { message.write(7, node.domain) }
  }

  private func write(_ item: Initializer, to message: inout WireWriter) {
    for extent in item.dimensions { message.write(1, extent) }
    message.write(2, item.type)
    message.write(8, item.name)
    if item.external.isEmpty {
      message.write(
        9, elementsOf: item.integers.isEmpty ? Tensor(item.values) : Tensor(item.integers))
    } else {
      for (key, value) in item.external {
        message.write(13) {
          $0.write(1, key)
          $0.write(2, value)
        }
      }
      message.write(14, 1)
    }
  }

  private func write(_ port: Port, to message: inout WireWriter) {
    message.write(1, port.name)
    message.write(2) { type in
      type.write(1) { tensor in
        tensor.write(1, port.type)
        tensor.write(2) { shape in
          for extent in port.dimensions {
            shape.write(1) {
              if extent == Self.batch { $0.write(2, "batch") } else { $0.write(1, extent) }
            }
          }
        }
      }
    }
  }
}
