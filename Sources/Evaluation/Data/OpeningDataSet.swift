import Dispatch
import Foundation
package import Graphs
import Synchronization
import Tensors

extension DataSet {
  /// Opens a data set and takes the digests of all samples, on all cores.
  ///
  /// - Parameters:
  ///   - labels: the names of the classes, in the order of the model's scores.
  ///   - scores: how many scores the model gives, where that is known.
  ///   - progress: told of the share that is done; what it throws ends the work.
  /// - Throws: `ModelError` if there is no such data set, if it has no samples, or if its classes are
  ///   not the model's.
  public init(
    path: String, labels: [String], scores: Int?, progress: (Double) throws -> Void = { _ in }
  ) throws {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw ModelError("there is no such file or folder", kind: .noInput, file: path)
    }
    let classes = ClassNames(labels: labels, scores: scores)
    let ending = URL(filePath: path).pathExtension.lowercased()
    var rows: NPYRows?
    var sortedClasses: [String] = []
    let (kind, entries): (Kind, [Entry])
    do {
      switch (isFolder.boolValue, ending) {
      case (true, _): (kind, entries, sortedClasses) = try Self.folder(path, classes)
      case (false, "npy"):
        let opened = try Self.array(path, classes)
        rows = opened.rows
        (kind, entries) = (.array, opened.entries)
      case (false, "txt"), (false, "tsv"):
        (kind, entries) = (.lines, try Self.lines(path, classes))
      default:
        throw ModelError("a data set is a folder, or a file ending in .npy, .txt or .tsv")
      }
    } catch let error as ModelError where error.file == nil {
      throw ModelError(error.reason, kind: error.kind, file: path)
    }
    guard !entries.isEmpty else {
      throw ModelError("there is no sample in it", kind: .noInput, file: path)
    }
    let digests = try Self.digests(of: entries, rows, progress)
    self.init(
      path: path, kind: kind, entries: entries, rows: rows, digests: digests,
      sortedClasses: sortedClasses)
  }

  /// Opens rows of numbers without labels: a `.npy` file, or a text file with a line for each.
  ///
  /// - Throws: `ModelError` if there is no such file, or if it is none of these.
  package init(rowsOf path: String) throws {
    let ending = URL(filePath: path).pathExtension.lowercased()
    guard FileManager.default.fileExists(atPath: path) else {
      throw ModelError("there is no such file", kind: .noInput, file: path)
    }
    var rows: NPYRows?
    let entries: [Entry]
    do {
      switch ending {
      case "npy":
        let opened = try NPYRows(contentsOf: path)
        rows = opened
        entries = Self.entries(of: opened)
      case "txt", "tsv": entries = try Self.lines(ofNumbers: path)
      default: throw ModelError("rows of numbers are a file ending in .npy, .txt or .tsv")
      }
    } catch let error as ModelError {
      throw error.inFile(path)
    }
    guard !entries.isEmpty else { throw ModelError("there is no row in it", file: path) }
    self.init(
      path: path, kind: rows == nil ? .lines : .array, entries: entries, rows: rows,
      digests: try Self.digests(of: entries, rows) { _ in })
  }

  /// Samples whose digests are taken between two reports of progress.
  private static let stride = 256

  private static func digests(
    of entries: [Entry], _ rows: NPYRows?, _ progress: (Double) throws -> Void
  ) throws -> [String] {
    var digests: [String] = []
    for start in Swift.stride(from: 0, to: entries.count, by: stride) {
      let part = entries[start..<min(start + stride, entries.count)]
      let found = Mutex([String](repeating: "", count: part.count))
      DispatchQueue.concurrentPerform(iterations: part.count) { number in
        let digest = digest(of: part[start + number], rows)
        found.withLock { $0[number] = digest }
      }
      digests += found.withLock(\.self)
      try progress(Double(digests.count) / Double(entries.count))
    }
    return digests
  }

  /// Refuses a sample whose content is no longer what its digest says, asked after it was read.
  package func requireUnchanged(_ sample: Sample) throws(ModelError) {
    let entry = Entry(name: sample.name, label: sample.label, place: sample.place)
    guard Self.digest(of: entry, rows) == sample.digest else { throw .changedData }
  }

  private static func digest(of entry: Entry, _ rows: NPYRows?) -> String {
    switch entry.place {
    case .file(let path):
      let digest = Digest()
      if (try? forEachChunk(ofFile: path) { digest.update($0) }) != nil { return digest.finish() }
    case .row(let row):
      if let row = try? rows?.row(row) { return Digest.sha256(of: row) }
    case .numbers(let text): return Array(text.utf8).withUnsafeBytes(Digest.sha256)
    }
    // Who cannot read it will say so when its turn comes.
    return Array(entry.name.utf8).withUnsafeBytes(Digest.sha256)
  }
}

/// Samples in folders.
extension DataSet {
  private static let list = "labels.csv"

  private static func folder(
    _ path: String, _ classes: ClassNames
  ) throws -> (Kind, [Entry], sortedClasses: [String]) {
    if FileManager.default.fileExists(atPath: "\(path)/\(list)") {
      return (.list, try listed(path, classes), [])
    }
    let files = try sampleFiles(in: path)
    let folders = files.map { file in file.split(separator: "/").dropLast().first.map(String.init) }
    guard folders.contains(where: { $0 != nil }) else {
      return (
        .folder,
        files.map { Entry(name: $0, label: nil, place: .file("\(path)/\($0)")) }, []
      )
    }
    if let stray = zip(files, folders).first(where: { $0.1 == nil })?.0 {
      throw ModelError(
        "'\(stray)' lies beside the folders of classes; move it into one, or list all pictures in "
          + list)
    }
    let names = Set(folders.compactMap(\.self))
    let reading = try classes.reading(of: names, areFolders: true)
    return (
      .classFolders,
      zip(files, folders).map { file, folder in
        Entry(
          name: file, label: folder.flatMap { reading.indices[$0] },
          place: .file("\(path)/\(file)"))
      }, reading.sortedClasses
    )
  }

  private static let endings: Set = [
    "jpg", "jpeg", "png", "webp", "bmp", "gif", "tif", "tiff", "npy", "pb",
  ]

  /// The samples below a folder, relative to it, in the order of torchvision's `ImageFolder`: of the
  /// outermost folders, in each of the paths of the folders, in each of these of the names, all by
  /// their code points. Hidden files are left out.
  package static func sampleFiles(in path: String) throws(ModelError) -> [String] {
    var files: [String] = []
    try collect(&files, path, below: "", within: [])
    let keys = files.map { file in
      let parts = file.split(separator: "/").map(String.init)
      let folder = parts.dropLast().joined(separator: "/")
      return [folder.isEmpty ? "" : parts[0], folder, parts.last ?? ""]
    }
    return zip(files, keys).sorted { one, other in
      one.1.lexicographicallyPrecedes(other.1) { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }.map(\.0)
  }

  /// Goes through a folder and what links in it lead to, but into no folder that it is in already.
  private static func collect(
    _ files: inout [String], _ path: String, below prefix: String, within outer: Set<String>
  ) throws(ModelError) {
    let place = URL(filePath: path).resolvingSymlinksInPath().path
    guard !outer.contains(place) else { return }
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: place) else {
      throw ModelError("the folder cannot be read", kind: .noInput, file: path)
    }
    for name in names where !name.hasPrefix(".") {
      var isFolder: ObjCBool = false
      let exists = FileManager.default.fileExists(atPath: "\(path)/\(name)", isDirectory: &isFolder)
      if exists, isFolder.boolValue {
        try collect(
          &files, "\(path)/\(name)", below: "\(prefix)\(name)/", within: outer.union([place]))
      } else if endings.contains(URL(filePath: name).pathExtension.lowercased()) {
        files.append(prefix + name)
      }
    }
  }

  private static func listed(_ path: String, _ classes: ClassNames) throws -> [Entry] {
    let file = "\(path)/\(list)"
    do throws(ModelError) {
      let rows = try LabelList(contentsOf: file).rows
      let indices = try classes.reading(of: Set(rows.map(\.label))).indices
      return rows.map { row in
        Entry(name: row.file, label: indices[row.label], place: .file("\(path)/\(row.file)"))
      }
    } catch {
      throw ModelError(error.reason, kind: error.kind, file: file)
    }
  }
}
