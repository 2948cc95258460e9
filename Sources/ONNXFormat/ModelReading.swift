import CONNX
package import Graphs
import Tensors

extension ModelFile {
  /// The SHA-256 digest of the file's bytes, in hexadecimal.
  package func sha256() -> String { withBytes(Digest.sha256) }

  /// Opens the model at `path`, with errors in the form that users see.
  package convenience init(opening path: String) throws(ModelError) {
    do throws(ModelFileError) {
      try self.init(contentsOf: path)
    } catch {
      throw ModelError(error)
    }
  }

  /// The graph of the model, computing in this precision.
  ///
  /// - Throws: `ModelError` if the model breaks ONNX's rules or has a node that is not supported.
  package func graph(precision: Precision = .declared) throws(ModelError) -> Graph {
    switch try read(precision: precision).outcome {
    case .graph(let graph): return graph
    case .unsupported(let nodes):
      let more = nodes.count > 1 ? " (and \(nodes.count - 1) more nodes; see inspect)" : ""
      throw ModelError(nodes[0].reason + more, node: nodes[0].label)
    }
  }

  /// The messages of the file as Swift values, and the graph that they make or the nodes that are
  /// not supported.
  ///
  /// libonnx checks the model last, where it covers it: our own errors name the node.
  ///
  /// - Throws: `ModelError` if a tensor is not sound or the model breaks ONNX's rules.
  package func read(
    precision: Precision = .declared
  ) throws(ModelError) -> (messages: ModelMessage, outcome: Importer.Outcome) {
    let messages = try self.messages()
    let outcome = try Importer.outcome(of: messages, precision: precision)
    if case .graph = outcome, case .invalid(let reason) = check() {
      throw ModelError("the model breaks a rule of ONNX: \(reason)")
    }
    return (messages, outcome)
  }

  /// Everything that the file says, checked by nobody yet.
  package func messages() throws(ModelError) -> ModelMessage {
    let reader = MessageReader { (proto) throws(ModelError) in
      do throws(TensorError) {
        return try self.tensor(proto)
      } catch {
        throw ModelError(error.description, kind: error.isMissingFile ? .noInput : .badData)
      }
    }
    return try withModel { (model) throws(ModelError) in try reader.model(model.pointee) }
  }
}
