// Speaks to a plugin socket with grpc-go as Argo CD's repo-server does, one case a run, and prints what came back as
// one JSON object: {"code": …, "message": …, "manifests": […]}, or a list of such for `many`.
//
// The messages are written by hand, so that no generated code is needed: field numbers as in plugin.proto.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
)

const service = "/plugin.ConfigManagementPluginService/"

// raw carries messages as the bytes that they are on the wire.
type raw struct{}

func (raw) Name() string { return "proto" }

func (raw) Marshal(message any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*message.(*[]byte))}, nil
}

func (raw) Unmarshal(data mem.BufferSlice, message any) error {
	*message.(*[]byte) = data.Materialize()
	return nil
}

type answer struct {
	Code      string   `json:"code"`
	Message   string   `json:"message"`
	Manifests []string `json:"manifests"`
}

type entries []string

func (e *entries) String() string        { return strings.Join(*e, ",") }
func (e *entries) Set(text string) error { *e = append(*e, text); return nil }

type client struct {
	socket string
	path   string
	env    entries
	tgz    []byte
	chunk  int
}

func main() {
	c := client{}
	var file, name string
	var timeout time.Duration
	flag.StringVar(&c.socket, "socket", "", "the plugin's socket")
	flag.StringVar(&c.path, "path", ".", "the Application's path")
	flag.Var(&c.env, "env", "an entry NAME=VALUE, repeatable")
	flag.StringVar(&file, "tgz", "", "the archive")
	flag.IntVar(&c.chunk, "chunk", 1024, "bytes of one piece")
	flag.StringVar(&name, "case", "flow", "what to do")
	flag.DurationVar(&timeout, "timeout", 60*time.Second, "the deadline")
	flag.Parse()
	var err error
	if c.tgz, err = os.ReadFile(file); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	var result any
	if name == "many" {
		result = c.many(ctx, 64)
	} else {
		result = c.once(ctx, name)
	}
	_ = json.NewEncoder(os.Stdout).Encode(result)
}

func (c *client) many(ctx context.Context, count int) []answer {
	answers := make([]answer, count)
	var all sync.WaitGroup
	for i := range answers {
		all.Add(1)
		go func() {
			defer all.Done()
			answers[i] = c.once(ctx, "flow")
		}()
	}
	all.Wait()
	return answers
}

// once makes a connection, asks for the configuration twice and then for manifests, as a render of a named plugin does.
func (c *client) once(ctx context.Context, name string) answer {
	connection, err := c.dial()
	if err != nil {
		return failed(err)
	}
	defer connection.Close()
	for range 2 {
		request, response := []byte{}, []byte{}
		if err := connection.Invoke(ctx, service+"CheckPluginConfiguration", &request, &response); err != nil {
			return failed(err)
		}
	}
	method := "GenerateManifest"
	switch name {
	case "match":
		method = "MatchRepository"
	case "announce":
		method = "GetParametersAnnouncement"
	case "unknown":
		method = "Nothing"
	}
	if name == "cancel" {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		time.AfterFunc(50*time.Millisecond, cancel)
	}
	description := &grpc.StreamDesc{ClientStreams: true}
	stream, err := connection.NewStream(ctx, description, service+method)
	if err != nil {
		return failed(err)
	}
	if err := c.send(stream, name); err != nil {
		// What repo-server reports when the other side ends too early.
		return answer{Code: "SendFailed", Message: err.Error()}
	}
	response := []byte{}
	if err := stream.CloseSend(); err != nil {
		return failed(err)
	}
	if err := stream.RecvMsg(&response); err != nil {
		return failed(err)
	}
	return answer{Code: "OK", Manifests: manifests(response)}
}

// dial connects as Argo CD does: a passthrough target with the path, the connection made by hand, no TLS.
func (c *client) dial() (*grpc.ClientConn, error) {
	return grpc.NewClient("passthrough:"+c.socket,
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", c.socket)
		}),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 20 * time.Second}),
		grpc.WithDefaultCallOptions(
			grpc.ForceCodecV2(raw{}), grpc.MaxCallRecvMsgSize(100<<20), grpc.MaxCallSendMsgSize(100<<20)),
	)
}

func (c *client) send(stream grpc.ClientStream, name string) error {
	if name != "no-metadata" {
		if err := stream.SendMsg(c.metadata(name == "wrong-checksum")); err != nil {
			return err
		}
	}
	reader := bytes.NewReader(c.tgz)
	for piece := 0; ; piece++ {
		chunk := make([]byte, c.chunk)
		count, err := io.ReadFull(reader, chunk)
		if count == 0 {
			return nil
		}
		if err != nil && err != io.ErrUnexpectedEOF {
			return err
		}
		if name == "second-metadata" && piece == 1 {
			if err := stream.SendMsg(c.metadata(false)); err != nil {
				return err
			}
		}
		if name == "slow" {
			time.Sleep(20 * time.Millisecond)
		}
		if (name == "cancel" || name == "stall") && piece == 1 {
			<-stream.Context().Done()
			return stream.Context().Err()
		}
		file := field(nil, 1, chunk[:count])
		message := field(nil, 2, file)
		if err := stream.SendMsg(&message); err != nil {
			return err
		}
	}
}

func (c *client) metadata(wrong bool) *[]byte {
	sum := sha256.Sum256(c.tgz)
	if wrong {
		sum[0] ^= 1
	}
	metadata := field(nil, 1, []byte(c.path[strings.LastIndex(c.path, "/")+1:]))
	metadata = field(metadata, 2, []byte(c.path))
	metadata = field(metadata, 3, []byte(hex.EncodeToString(sum[:])))
	metadata = protowire.AppendTag(metadata, 4, protowire.VarintType)
	metadata = protowire.AppendVarint(metadata, uint64(len(c.tgz)))
	for _, entry := range c.env {
		name, value, _ := strings.Cut(entry, "=")
		metadata = field(metadata, 5, field(field(nil, 1, []byte(name)), 2, []byte(value)))
	}
	message := field(nil, 1, metadata)
	return &message
}

func field(message []byte, number protowire.Number, value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(message, number, protowire.BytesType), value)
}

// manifests reads a ManifestResponse.
func manifests(message []byte) []string {
	texts := []string{}
	for len(message) > 0 {
		number, kind, count := protowire.ConsumeTag(message)
		if count < 0 {
			break
		}
		message = message[count:]
		if number == 1 && kind == protowire.BytesType {
			value, count := protowire.ConsumeBytes(message)
			if count < 0 {
				break
			}
			texts = append(texts, string(value))
			message = message[count:]
			continue
		}
		count = protowire.ConsumeFieldValue(number, kind, message)
		if count < 0 {
			break
		}
		message = message[count:]
	}
	return texts
}

func failed(err error) answer {
	return answer{Code: status.Code(err).String(), Message: status.Convert(err).Message()}
}
