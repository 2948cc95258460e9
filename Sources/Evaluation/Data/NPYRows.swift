import Foundation
import Graphs
import Tensors

/// The rows of a `.npy` file, which stays open and is never read as a whole.
struct NPYRows: Sendable {
  private let file: OpenFile
  private let beginning: [UInt8]
  private let header: NPYHeader

  /// How many rows there are.
  var count: Int { header.shape.first ?? 0 }

  /// The shape of the whole array.
  var shape: Shape { header.shape }

  /// The shape and the type of the elements, as in `40x7 float32`.
  var description: String { "\(header.shape) \(header.elementType)" }

  /// Opens a file of rows.
  init(contentsOf path: String) throws(ModelError) {
    try self.init(opening: path)
    guard header.shape.rank > 0 else { throw ModelError("a single number is no data set") }
    guard !header.isFortranOrder || header.shape.rank == 1 else {
      throw ModelError("its rows lie apart (Fortran order); save it with numpy.ascontiguousarray")
    }
  }

  /// Opens a file of any array.
  init(opening path: String) throws(ModelError) {
    let (size, beginning): (Int, [UInt8])
    do throws(FileFailure) {
      file = try OpenFile(path)
      size = try file.size()
      beginning = try file.bytes(from: 0, upTo: min(size, NPYHeader.longest))
    } catch {
      throw ModelError("the file cannot be read: \(error.reason)", kind: .noInput)
    }
    let result = beginning.withUnsafeBytes { bytes in
      Result { () throws(NPYError) in try NPYHeader(checking: bytes, fileByteCount: size) }
    }
    do throws(NPYError) {
      header = try result.get()
    } catch {
      throw ModelError(error.description)
    }
    self.beginning = Array(beginning.prefix(header.byteCount))
  }

  /// One row, as a batch of one.
  ///
  /// - Throws: `ModelError` if the file cannot be read or changed its size or its header.
  func row(_ index: Int) throws(ModelError) -> Tensor {
    let place = header.bytes(ofRow: index)
    let (start, row, size): ([UInt8], [UInt8], Int)
    do throws(FileFailure) {
      start = try file.bytes(from: 0, upTo: beginning.count)
      row = try file.bytes(from: place.lowerBound, upTo: place.count)
      size = try file.size()
    } catch {
      throw ModelError("it cannot be read: \(error.reason)")
    }
    guard start == beginning, row.count == place.count, size == header.fileByteCount else {
      throw .changedData
    }
    return row.withUnsafeBytes { header.row(of: $0) }
  }
}

extension ModelError {
  /// What is said of a sample that is no longer what it was when the data set was opened.
  static var changedData: ModelError {
    ModelError("it changed after the evaluation began; start anew when the data stay as they are")
  }
}
