import Evaluation
import Foundation
import FoundationEssentials
import Graphs
import ONNXFormat
import Tensors

/// The pictures and tensors in a folder and those below it, made into inputs of a model once and kept
/// in a temporary file, so that memory does not depend on their number.
public struct SampleFolder: Sendable {
  /// A file that could not be used.
  public struct Skipped: Sendable, Codable {
    /// The file.
    public let path: String
    /// Why not.
    public let reason: String
  }

  /// The folder.
  public let path: String
  /// The samples' files, sorted.
  public let paths: [String]
  /// For each sample the class that its subfolder is named after, where that is known.
  public let labels: [Int?]
  /// The files that could not be used.
  public let skipped: [Skipped]
  /// What a user may want to know of how classes were found.
  public let notes: [String]

  /// All samples, one a row.
  let tensor: Tensor

  /// How many samples there are.
  public var count: Int { paths.count }

  /// The samples at these places, as a batch.
  func rows(_ places: [Int]) -> Tensor {
    Tensor(stacking: places.map { tensor.rows($0..<($0 + 1)) })
  }
}

extension Model {
  /// Reads the samples in a folder for the only input of the model.
  ///
  /// A subfolder named like a label, its WordNet id or one of its names between commas holds pictures of
  /// that class. Where none is, names that are numbers are indices of classes; else subfolders are classes in sorted order if
  /// there are as many as scores.
  ///
  /// - Parameters:
  ///   - labels: the names of the model's classes.
  ///   - progress: told of the share that is done; what it throws ends the reading.
  /// - Throws: `ModelError` if the folder holds nothing that can be read, or the model has several
  ///   inputs.
  public func samples(
    inFolder path: String, rule: PictureRule, labels: [String],
    progress: (Double) throws -> Void = { _ in }
  ) throws -> SampleFolder {
    guard let port = inputs.first, inputs.count == 1 else {
      throw ModelError("samples can be read for models of one input only", kind: .usage)
    }
    try Self.requireFolder(path)
    let files = try DataSet.sampleFiles(in: path)
    guard !files.isEmpty else {
      throw ModelError("the folder holds no picture and no .npy file", kind: .noInput, file: path)
    }
    let store = try RowStore()
    var read: [String] = []
    var skipped: [SampleFolder.Skipped] = []
    for (number, file) in files.enumerated() {
      do {
        let tensor = try input(contentsOf: "\(path)/\(file)", for: port, rule: rule).tensor
        guard tensor.shape.first == 1 else {
          throw ModelError("it holds \(tensor.shape.first ?? 0) samples, one is wanted")
        }
        guard tensor.isFinite else { throw ModelError("it holds numbers that are not finite") }
        try store.append(tensor)
        read.append(file)
      } catch let error as ModelError where error.kind != .cannotWrite {
        skipped.append(.init(path: "\(path)/\(file)", reason: error.reason))
      }
      try progress(Double(number + 1) / Double(files.count))
    }
    guard !read.isEmpty else {
      let reason = skipped.first.map { ", such as \($0.path): \($0.reason)" } ?? ""
      throw ModelError(
        "none of the \(files.count) files can be read\(reason)", kind: .noInput, file: path)
    }
    let (classes, notes) = classes(of: read, labels)
    return SampleFolder(
      path: path, paths: read.map { "\(path)/\($0)" }, labels: classes, skipped: skipped,
      notes: notes, tensor: try store.tensor())
  }

  private static func requireFolder(_ path: String) throws(ModelError) {
    var isFolder = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw ModelError("there is no such folder", kind: .noInput, file: path)
    }
    guard isFolder else {
      throw ModelError("it is a file; a folder is wanted", kind: .noInput, file: path)
    }
  }

  private func classes(
    of files: [String], _ labels: [String]
  ) -> (classes: [Int?], notes: [String]) {
    let folders = files.map { file -> String? in
      let parts = file.split(separator: "/")
      return parts.count > 1 ? String(parts[0]) : nil
    }
    let reading = ClassNames(labels: labels, scores: scoreCount)
      .known(Set(folders.compactMap(\.self)), areFolders: true)
    return (
      folders.map { $0.flatMap { reading.indices[$0] } },
      [ClassNames.note(ofSorted: reading.sortedClasses)].compactMap(\.self)
    )
  }
}

/// Rows of one shape that are written to a temporary file and mapped when they are complete.
private final class RowStore {
  private let path: String
  private let file: UnsafeMutablePointer<FILE>
  private var type: (elementType: ElementType, shape: Shape)?
  private var count = 0

  init() throws(ModelError) {
    let name = "ascribe-\(UUID().uuidString).rows"
    path = FileManager.default.temporaryDirectory.appendingPathComponent(name).path
    guard let file = fopen(path, "wb+") else { throw Self.failure(path) }
    self.file = file
    // The name is needed no longer; the space is given back whenever the program ends.
    unlink(path)
  }

  deinit { fclose(file) }

  func append(_ row: Tensor) throws(ModelError) {
    let type = type ?? (row.elementType, row.shape)
    guard type == (row.elementType, row.shape) else {
      throw ModelError("it gives \(row), others gave \(type.shape); the model must fix the size")
    }
    self.type = type
    count += 1
    let isWritten = WireWriter.Piece.elements(row).withBytes {
      fwrite($0.baseAddress, 1, $0.count, file) == $0.count
    }
    guard isWritten else { throw Self.failure(path) }
  }

  func tensor() throws(ModelError) -> Tensor {
    guard let type, fflush(file) == 0 else { throw Self.failure(path) }
    let shape = Shape([count] + type.shape.dropFirst())
    let bytes = shape.elementCount * type.elementType.size
    guard let address = mmap(nil, max(bytes, 1), PROT_READ, MAP_SHARED, fileno(file), 0),
      address != MAP_FAILED
    else { throw Self.failure(path) }
    let storage = Storage(taking: address, byteCount: bytes) { munmap($0, max($1, 1)) }
    return Tensor(type.elementType, shape, storage: storage)
  }

  private static func failure(_ path: String) -> ModelError {
    ModelError(
      "cannot be written: \(String(cString: strerror(errno)))", kind: .cannotWrite, file: path)
  }
}
