import Kernels

/// What is wrong with a model or with the data given to it, in one line: where, what, and what to do.
public struct ModelError: Error, Sendable, CustomStringConvertible {
  /// Whose fault it is, which decides the exit code.
  public enum Kind: Sendable {
    /// The model file or the data cannot be used.
    case badData
    /// A named file does not exist or cannot be read.
    case noInput
    /// An option or argument makes no sense for this model.
    case usage
    /// An output cannot be written.
    case cannotWrite
    /// This program is wrong.
    case fault
  }

  /// Whose fault it is.
  public let kind: Kind

  /// The file concerned, where one is.
  public var file: String?

  /// The node concerned, as in `node 'conv1' (Conv, opset 11)`, where one is.
  public let node: String?

  /// What is wrong and what to do.
  public let reason: String

  /// An error with these parts.
  public init(
    _ reason: String, kind: Kind = .badData, file: String? = nil, node: String? = nil
  ) {
    self.kind = kind
    self.file = file
    self.node = node
    self.reason = reason
  }

  /// The parts that are known, joined by colons.
  public var description: String {
    [file, node, reason].compactMap(\.self).joined(separator: ": ")
  }

  /// The same error with what to do behind its reason.
  package func advising(_ advice: String) -> ModelError {
    ModelError("\(reason); \(advice)", kind: kind, file: file, node: node)
  }

  /// The same error, told of the file that it concerns.
  public func inFile(_ path: String) -> ModelError {
    var copy = self
    copy.file = copy.file ?? path
    return copy
  }
}

extension ModelError {
  /// An operator's error, told of the node and the operands that it concerns.
  init(_ error: OperatorError, in node: Node, of graph: Graph) {
    let types = node.inputs.map { input in
      input.flatMap { graph.type(of: $0)?.description } ?? "none"
    }
    let inputs = types.isEmpty ? "" : "; inputs \(types.joined(separator: ", "))"
    self.init(error.description + inputs, node: node.label(opset: graph.opset))
  }
}

extension Node {
  /// How messages name this node, as in `node 'conv1' (Conv, opset 11)`.
  package func label(opset: Int) -> String { "node '\(name)' (\(operatorName), opset \(opset))" }
}
