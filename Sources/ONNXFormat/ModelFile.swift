package import CONNX
package import Graphs
package import Tensors

/// Why a file could not be opened as a model or tensor.
package struct ModelFileError: Error, Hashable, CustomStringConvertible {
  /// The kinds of fault.
  package enum Reason: Hashable, Sendable {
    case unreadable(FileProblem)
    case malformed(WireError)
    /// The message is sound but holds no graph.
    case noGraph
    /// A pointer of Git LFS stands in the place of the file.
    case largeFilePointer
    /// The message is sound but its tensor is not.
    case tensor(TensorError)
  }

  /// The file as the caller named it.
  package let path: String
  /// What is wrong with it.
  package let reason: Reason

  /// What is wrong, without the file's name.
  package var detail: String {
    switch reason {
    case .unreadable(let problem): problem.description
    case .malformed(let error): "not a valid ONNX file: \(error)"
    case .noGraph: "not an ONNX model: it holds no graph"
    case .largeFilePointer: "a Git LFS pointer; fetch the file itself with 'git lfs pull'"
    case .tensor(let error): error.description
    }
  }

  /// One line: the file and what is wrong with it.
  package var description: String { "\(path): \(detail)" }
}

extension ModelError {
  /// The same error for the user: a file that cannot be read is no input, the rest bad data.
  package init(_ error: ModelFileError) {
    var kind = Kind.badData
    if case .unreadable(let problem) = error.reason, problem != .empty { kind = .noInput }
    self.init(error.detail, kind: kind, file: error.path)
  }
}

/// An open model: the mapped file, and its messages without the weights.
///
/// Weights are read where they lie; tensors keep the mapping alive, not this object.
package final class ModelFile: Sendable {
  /// The file as the caller named it.
  package let path: String

  private let message: DecodedMessage
  private let tensors: TensorDecoder

  /// Maps, scans and decodes the model at `path`.
  package convenience init(contentsOf path: String) throws(ModelFileError) {
    let file = try FileBytes.open(path)
    try self.init(file, path: path, externalData: ExternalData(beside: path))
  }

  /// Scans and decodes a model in memory, which cannot have external data.
  package convenience init(
    bytes: some Collection<UInt8>, name: String = "model"
  ) throws(ModelFileError) {
    try self.init(FileBytes(copying: bytes), path: name, externalData: ExternalData())
  }

  private init(
    _ file: FileBytes, path: String, externalData: ExternalData
  ) throws(ModelFileError) {
    message = try DecodedMessage(file, path: path, as: CONNX_MODEL)
    guard message.withMessage(as: Onnx__ModelProto.self, { $0.pointee.graph != nil }) else {
      throw ModelFileError(path: path, reason: .noGraph)
    }
    self.path = path
    self.tensors = TensorDecoder(file: file, externalData: externalData)
  }

  /// Calls `body` with the model; no pointer into it may be kept.
  package func withModel<Result, Failure: Error>(
    _ body: (UnsafePointer<Onnx__ModelProto>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try message.withMessage(as: Onnx__ModelProto.self, body)
  }

  /// The tensor that one of this model's messages describes; large ones share the mapping.
  package func tensor(
    _ proto: UnsafePointer<Onnx__TensorProto>
  ) throws(TensorError) -> Tensor {
    try tensors.tensor(proto)
  }

  /// Calls `body` with the bytes of the file.
  package func withBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try tensors.file.withBytes(body)
  }

  /// What libonnx's checker says of the model, large and external tensors aside.
  package func check() -> Checker.Verdict { message.withSkeleton(Checker.check(skeleton:)) }

  /// Fields of the file that were ignored because the schema does not know them.
  package var droppedFieldCount: Int { message.droppedFieldCount }
}

/// A tensor in a file of its own: the `.pb` inputs and outputs of the ONNX test cases.
package struct TensorFile: Sendable {
  /// The name that the file gives the tensor, often empty.
  package let name: String
  /// The tensor.
  package let tensor: Tensor

  /// Reads the TensorProto at `path`.
  package init(contentsOf path: String) throws(ModelFileError) {
    let file = try FileBytes.open(path)
    let message = try DecodedMessage(file, path: path, as: CONNX_TENSOR)
    let decoder = TensorDecoder(file: file, externalData: ExternalData(beside: path))
    do throws(TensorError) {
      (name, tensor) = try message.withMessage(as: Onnx__TensorProto.self) {
        (proto) throws(TensorError) in
        (Field.string(proto.pointee.name), try decoder.tensor(proto))
      }
    } catch {
      throw ModelFileError(path: path, reason: .tensor(error))
    }
  }
}

extension FileBytes {
  /// Maps a file that is to hold a message.
  fileprivate static func open(_ path: String) throws(ModelFileError) -> FileBytes {
    let file: FileBytes
    do throws(FileProblem) {
      file = try FileBytes(mapping: path)
    } catch {
      throw ModelFileError(path: path, reason: .unreadable(error))
    }
    guard !file.withBytes({ $0.starts(with: "version https://git-lfs".utf8) }) else {
      throw ModelFileError(path: path, reason: .largeFilePointer)
    }
    return file
  }
}

extension DecodedMessage {
  /// Decodes the bytes of a file, which errors are to name.
  fileprivate convenience init(
    _ file: FileBytes, path: String, as root: connx_root
  ) throws(ModelFileError) {
    do throws(WireError) {
      try self.init(file, as: root)
    } catch {
      throw ModelFileError(path: path, reason: .malformed(error))
    }
  }
}
